from graphflow.session.transport import Transport


def test_a_beat_at_120_bpm_is_half_a_second():
    transport = Transport(48000, 120.0)
    assert transport.beat_at(24000) == 1.0
    assert transport.frame_of(4.0) == 96000


def test_the_grid_is_now_the_next_beat_or_the_next_bar():
    transport = Transport(48000, 120.0, 4)
    assert transport.grid("now", 100) == 100
    assert transport.grid("beat", 100) == 24000
    assert transport.grid("beat", 24000) == 24000
    assert transport.grid("bar", 24001) == 96000


def test_without_a_tempo_nothing_waits():
    assert Transport(48000).grid("bar", 7) == 7


def test_another_tempo_goes_on_from_the_beat_it_is_at():
    faster = Transport(48000, 60.0).with_tempo(120.0, 48000)
    assert faster.beat_at(48000) == 1.0
    assert faster.beat_at(72000) == 2.0
    assert faster.data() == {"tempo": 120.0, "beats_per_bar": 4, "frame": 48000, "beat": 1.0}


def test_a_grid_stays_on_whole_bars_after_hours_at_an_odd_tempo():
    transport = Transport(44100, 133.7, 3)
    late = 44100 * 3600 * 5 + 17
    frame = transport.grid("bar", late)
    assert late <= frame < late + transport.frame_of(3.0) + 1
    assert abs(transport.beat_at(frame) / 3 - round(transport.beat_at(frame) / 3)) < 1e-4


def test_what_stands_still_goes_on_from_its_beat():
    still = Transport(48000, 120.0).rolling(False, 36000)
    assert (still.beat_at(36000), still.beat_at(96000), still.grid("bar", 96000)) == (1.5, 1.5, 96000)
    going = still.rolling(True, 96000)
    assert (going.beat_at(96000), going.frame_of(2.0)) == (1.5, 108000)
    assert still.rolling(False, 96000).beat == 1.5


def test_a_tempo_for_later_counts_from_its_frame_on():
    later = Transport(48000, 120.0).with_tempo(60.0, 96000)
    assert (later.beat_at(24000), later.beat_at(96000), later.beat_at(144000)) == (1.0, 4.0, 5.0)
    assert [later.frame_of(beat) for beat in (1.0, 4.0, 5.0)] == [24000, 96000, 144000]
    assert [later.grid("beat", frame) for frame in (1, 72001, 96001)] == [24000, 96000, 144000]
    assert later.grid("bar", 96001) == 96000 + 4 * 48000
    assert later.grid(3, 72001) == 96000 + 2 * 48000
    sooner = later.with_tempo(240.0, 48000)
    assert sooner.frame_of(4.0) == 48000 + 24000
    assert later.since(95999) == later
    assert later.since(96000).before is None
    still = later.rolling(False, 48000)
    assert (still.beat_at(96000), still.tempo) == (2.0, 60.0)


def test_a_first_tempo_for_later_has_its_beats_from_there():
    first = Transport(48000).with_tempo(120.0, 48000)
    assert (first.beat_at(24000), first.beat_at(48000), first.beat_at(72000)) == (0.0, 0.0, 1.0)
    assert (first.grid("beat", 100), first.grid("beat", 48001)) == (100, 72000)


def test_beats_may_stop_and_go_on_on_frames_to_come():
    clock = Transport(48000, 120.0).rolling(False, 36000).rolling(True, 96000)
    assert [clock.beat_at(frame) for frame in (24000, 36000, 90000, 96000, 120000)] == [1.0, 1.5, 1.5, 1.5, 2.5]
    assert [clock.frame_of(beat) for beat in (1.0, 1.5, 2.5)] == [24000, 96000, 120000]
    assert [clock.at(frame).running for frame in (0, 36000, 96000)] == [True, False, True]
