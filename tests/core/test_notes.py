"""Notes: what is held, and how often each was struck."""

from graphflow.core.messages import Notes


def test_two_pairs_are_enough() -> None:
    assert Notes(((60, 0.5),)).data() == [[60, 0.5, 0]]
    assert Notes().data() == []


def test_a_note_that_began_and_ended_is_told_by_its_count() -> None:
    notes = Notes().struck(60, 0.5).struck(64).released(60).struck(64, 0.25)
    assert notes.data() == [[60, 0.0, 1], [64, 0.25, 2]]
    assert notes.released(64).data() == [[60, 0.0, 1], [64, 0.0, 2]]
    assert notes.released(60) == notes


def test_merged_notes_are_held_by_any_and_struck_by_all() -> None:
    one, other = Notes().struck(60, 0.5).struck(62, 0.1), Notes().struck(60, 0.75).released(60)
    assert Notes.merged([one, other]) == Notes(((60, 0.5), (62, 0.1)), ((60, 2), (62, 1)))
    assert Notes.merged([]) == Notes()
