"""prompt and prompt_crossfade: what they send, and when."""

from control_host import Host

from graphflow import Part, Style


def test_prompt_sends_its_words_at_once_and_at_each_change() -> None:
    sent = Host("prompt", [{"text": "choir"}, {"weight": 0.5}, {"text": "sea"}]).run()
    assert sent == [(0.0, "style", Style((Part(w, t),))) for w, t in ((1.0, "choir"), (0.5, "choir"), (0.5, "sea"))]


def test_prompt_crossfade_shares_one_between_its_styles() -> None:
    ends = {"a": Style.of("choir", 1.0), "b": Style.of("sea", 2.0)}
    sent = Host("prompt_crossfade", [ends, {"position": 0.25}, {"position": 1.0}]).run()
    assert [str(style) for _, _, style in sent] == ["1 choir", "0.75 choir + 0.5 sea", "2 sea"]


def test_prompt_crossfade_with_one_end_wired_fades_it_out() -> None:
    sent = Host("prompt_crossfade", [{"a": Style.of("choir")}, {"position": 0.5}, {"position": 1.0}]).run()
    assert [str(style) for _, _, style in sent] == ["1 choir", "0.5 choir", ""]


def test_prompt_crossfade_takes_pictures() -> None:
    picture = Style((Part(1.0, image={"light": 0.5}),))
    ((_, _, style),) = Host("prompt_crossfade", [{"a": picture, "b": picture, "position": 0.5}]).run()
    assert style.data() == {"parts": [{"image": {"light": 0.5}, "weight": 0.5}] * 2}
