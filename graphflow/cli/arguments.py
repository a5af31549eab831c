"""What can be typed after `graphflow`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import graphflow
from graphflow.cli.controller_arguments import controller_commands
from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.patch import ENGINE

KINDS = {"int": "a whole number", "float": "a number"}


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line, as everything else does."""

    def error(self, message: str) -> NoReturn:
        """Raises UserError."""
        wrong = re.fullmatch(r"argument (?P<name>\S+): (?P<rest>.*)", message)
        if wrong is None:
            missing = message.removeprefix("the following arguments are required: ")
            fault = f"{missing} is missing" if missing != message else message
            raise UserError(f"{self.prog}: {fault}; {self.prog} --help shows what it takes")
        name, rest = wrong["name"].split("/")[-1], wrong["rest"]
        if choice := re.fullmatch(r"invalid choice: '(.*)' \(choose from (.*)\)", rest):
            known = re.findall(r"[\w-]+", choice[2])
            raise UserError(
                f"{self.prog} has no command '{choice[1]}'{did_you_mean(choice[1], known)}; expected {', '.join(known)}"
            )
        if kind := re.fullmatch(r"invalid (\w+) value: (.*)", rest):
            rest = f"is {kind[2]}; expected {KINDS.get(kind[1], kind[1])}"
        raise UserError(f"{name} {rest}" if rest.startswith("is ") else f"{name}: {rest}")


def lazily(module: str) -> Callable[[argparse.Namespace], int]:
    """A command's code is imported when it is run: `graphflow check` needs no sound."""

    def run(arguments: argparse.Namespace) -> int:
        import importlib

        command: Any = importlib.import_module(f"graphflow.cli.{module}")
        return int(command.run(arguments))

    return run


def positive(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"is '{text}'; expected seconds, above 0 and below 1e+09")
    return value


def count(text: str) -> int:
    """How many: 1 or more."""
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"is '{text}'; expected a whole number, 1 or more")


def weighted(text: str) -> tuple[str, float]:
    """Words with their weight after a colon, or 1. `musiccoca:` begins raw tokens and is followed by no weight."""
    found = re.fullmatch(r"(.*\S)\s*:\s*(\d+\.?\d*|\.\d+)", text, re.S)
    if found is None or found[1].lower() == "musiccoca":
        return text, 1.0
    return found[1], float(found[2])


def sound_format(text: str) -> str:
    if text in ("wav", "flac"):
        return text
    raise argparse.ArgumentTypeError(f"is '{text}'; expected wav or flac")


def port(text: str) -> int:
    """A port of this computer."""
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"is '{text}'; expected a port, 1 to 65535, or nothing, as in: play PATCH --osc")


def hosts(text: str) -> list[str]:
    """Hosts with commas between them."""
    found = [host.strip() for host in text.split(",") if host.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"is '{text}'; expected hosts like 192.168.1.7,phone.local")
    return found


def clock_way(text: str) -> str:
    if text in ("in", "out"):
        return text
    raise argparse.ArgumentTypeError(f"is '{text}'; expected in, to follow a MIDI clock, or out, to give one")


def engine_setting(key: str) -> Callable[[str], int]:
    """A key of a patch's [engine], typed on the command line."""

    def read(text: str) -> int:
        try:
            return int(ENGINE[key].parse(float(text)))
        except ValueError as error:
            reason = str(error) if str(error).startswith("is ") else f"is {text!r}; expected {ENGINE[key].range()}"
            raise argparse.ArgumentTypeError(reason) from error

    return read


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="graphflow", description="Wire prompts, generators and effects; play them live.")
    top.add_argument("--version", action="version", version=f"graphflow-live {graphflow.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)

    def nothing(arguments: argparse.Namespace) -> int:
        top.print_help(sys.stderr)
        return 2

    top.set_defaults(run=nothing)

    play = commands.add_parser("play", help="play a patch until Ctrl-C")
    patch_arguments(play)
    performance_arguments(play)
    play.add_argument("--repl", action="store_true", help="with a prompt, as graphflow live has")
    play.set_defaults(run=lazily("play"))

    live = commands.add_parser("live", help="play, and change what plays, from a prompt")
    patch_arguments(live, nargs="?")
    performance_arguments(live)
    live.set_defaults(run=lazily("live"))

    attach = commands.add_parser("attach", help="open a prompt at an engine that runs already")
    attach.add_argument("name", nargs="?", metavar="NAME", help="its patch or its process, where several run")
    attach.add_argument("--vi", action="store_true", help="keys as in vi")
    attach.set_defaults(run=lazily("attach"))

    replay = commands.add_parser("replay", help="play what was recorded again, and see whether it is the same")
    replay.add_argument("take", type=Path, metavar="DIR", help="what --record has written")
    replay.add_argument("-o", "--output", type=Path, metavar="FILE.wav", help="write it to a sound file")
    replay.add_argument("--play", action="store_true", help="let it be heard")
    replay.add_argument(
        "--check", action="store_true", help="exit with 1 where it is not the same; so without -o, --play"
    )
    replay.add_argument("--device", default="", metavar="NAME|null|FILE.wav", help="where it is heard, as in play")
    nodes_argument(replay)
    replay.set_defaults(run=lazily("replay"))

    render = commands.add_parser("render", help="write a patch to a sound file, as fast as it goes")
    patch_arguments(render)
    render.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.wav")
    render.add_argument("--seconds", type=positive, required=True)
    render.add_argument("--seed", type=int, default=0, help="for everything random")
    render.set_defaults(run=lazily("render"))

    check = commands.add_parser("check", help="show everything that is wrong with patches")
    check.add_argument("patches", nargs="+", metavar="PATCH")
    nodes_argument(check)
    check.set_defaults(run=lazily("check"))

    nodes = commands.add_parser("nodes", help="list the kinds of node, or show one")
    nodes.add_argument("kind", nargs="?")
    nodes.add_argument("--json", action="store_true", help="for machines")
    nodes_argument(nodes)
    nodes.set_defaults(run=lazily("nodes"))

    devices = commands.add_parser("devices", help="list the sound cards and MIDI devices")
    devices.set_defaults(run=lazily("devices"))

    trust = commands.add_parser("trust", help="let patches use the node files of a folder, which are programs")
    trust.add_argument("folder", type=Path, nargs="?")
    trust.add_argument("--remove", action="store_true", help="trust it no longer")
    trust.set_defaults(run=lazily("trust"))

    new_command(commands)
    controller_commands(commands, lazily)
    generate_command(commands)
    models_command(commands)

    doctor = commands.add_parser("doctor", help="look for what could keep graphflow from playing")
    doctor.set_defaults(run=lazily("doctor"))
    return top


def new_command(commands: argparse._SubParsersAction[Parser]) -> None:
    new = commands.add_parser("new", help="write a node or a patch to begin with, which plays as it is")
    new.set_defaults(run=lazily("new"))
    kinds = new.add_subparsers(title="what", metavar="WHAT", dest="what", required=True, parser_class=Parser)
    node = kinds.add_parser("node", help="a node, in the folder nodes beside a patch")
    node.add_argument("name", metavar="NAME", help="the kind's name, as in wobble")
    where = node.add_mutually_exclusive_group()
    where.add_argument("--patch", metavar="PATCH", help="the patch it is for; else this folder's")
    where.add_argument("--into", type=Path, metavar="DIR", help="another folder of nodes")
    patch = kinds.add_parser("patch", help="a patch")
    patch.add_argument("name", metavar="NAME", help="its file's name")


def generate_command(commands: argparse._SubParsersAction[Parser]) -> None:
    generate = commands.add_parser("generate", help="write sound files straight from a model, without a patch")
    generate.add_argument("--model", default="mrt2-small", metavar="NAME|DIR", help="mrt2-small, mrt2-base or a folder")
    generate.add_argument(
        "--prompt",
        action="append",
        type=weighted,
        default=[],
        metavar="WORDS[:WEIGHT]",
        help="what it should be like; may be given several times",
    )
    generate.add_argument(
        "--style-audio", action="append", type=weighted, default=[], metavar="FILE[:WEIGHT]", help="a recording like it"
    )
    generate.add_argument(
        "--style-tokens", action="append", default=[], metavar="N,N,...", help="up to 12 style codes, as they are"
    )
    generate.add_argument("--duration", type=positive, default=30.0, metavar="SECONDS")
    generate.add_argument(
        "--num", type=count, default=1, metavar="N", help="how many, with seeds that follow each other"
    )
    generate.add_argument("--seed", type=int, default=1)
    generate.add_argument("--temperature", type=float, help="how daring, 0 to 3")
    generate.add_argument("--top-k", type=int, help="of how many likely codes one is drawn, 1 to 1024")
    for what in ("style", "notes", "drums"):
        generate.add_argument(
            f"--guidance-{what}", type=float, metavar="G", help=f"how strictly it keeps to the {what}, -1 to 7"
        )
    generate.add_argument("--drums", help="off, auto or on")
    generate.add_argument("--prefill", type=Path, metavar="FILE", help="a sound file that the music goes on from")
    generate.add_argument("--device", default="auto", help="auto, cpu, mps or cuda:N")
    generate.add_argument("--precision", default="auto")
    generate.add_argument("--together", type=count, metavar="N", help="made in one go: 1 on a CPU, else 8")
    generate.add_argument("--format", type=sound_format, default="wav", help="wav or flac")
    generate.add_argument("--overwrite", action="store_true", help="make again what is there")
    generate.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where the files go")
    generate.set_defaults(run=lazily("generate"))


def models_command(commands: argparse._SubParsersAction[Parser]) -> None:
    models = commands.add_parser("models", help="list the models, get one, or look whether it is sound")
    models.set_defaults(run=lazily("models"), action="list")
    actions = models.add_subparsers(title="actions", metavar="ACTION", parser_class=Parser)

    def action(name: str, help: str) -> Parser:
        made = actions.add_parser(name, help=help)
        made.set_defaults(action=name)
        return made

    action("list", "what models there are, and where")
    info = action("info", "files, licence and limits of one")
    info.add_argument("name", metavar="MODEL", help="a model, or the folder of one")
    download = action("download", "get the weights of one, or repair them")
    download.add_argument("name", metavar="MODEL")
    download.add_argument(
        "--endpoint", default="", metavar="URL", help="another hub than HF_ENDPOINT or huggingface.co"
    )
    download.add_argument("--yes", action="store_true", help="do not ask")
    verify = action("verify", "read all its files and compare their checksums")
    verify.add_argument("name", metavar="MODEL", help="a model, or the folder of one")
    parity = action("parity", "compare our Magenta RealTime 2 with the official one's numbers")
    parity.add_argument("folder", type=Path, metavar="DIR", help="a folder of golden numbers")


def performance_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", default="", metavar="NAME|null|FILE.wav", help="part of a sound card's name, or a file"
    )
    command.add_argument("--seconds", type=positive, help="stop after so long")
    command.add_argument("--osc", type=port, nargs="?", const=7654, metavar="PORT", help="take OSC on loopback (7654)")
    command.add_argument("--listen", default="", metavar="ADDR", help="take it from the network, like 0.0.0.0")
    command.add_argument("--allow", type=hosts, default=[], metavar="HOST,...", help="who may send from there")
    command.add_argument("--allow-files", action="store_true", help="let them load and save patches too")
    command.add_argument(
        "--midi",
        nargs="?",
        const="",
        metavar="PORT",
        help="take MIDI of every device, or of those with PORT in the name",
    )
    command.add_argument("--midi-clock", type=clock_way, metavar="in|out", help="follow a MIDI clock, or give one")
    command.add_argument(
        "--no-reload", dest="reload", action="store_false", help="take no notice when the patch or a node is saved"
    )
    command.add_argument("--vi", action="store_true", help="keys as in vi at the prompt")
    command.add_argument("--record", type=Path, metavar="DIR", help="write the performance down, for graphflow replay")
    command.add_argument(
        "--no-attach", dest="attach", action="store_false", help="let no prompt attach from another terminal"
    )


def patch_arguments(command: argparse.ArgumentParser, nargs: str | None = None) -> None:
    command.add_argument(
        "patch", nargs=nargs, metavar="PATCH", help="a patch file, or the name of one that comes with graphflow"
    )
    command.add_argument("--rate", type=engine_setting("rate"), help="frames per second")
    command.add_argument("--block", type=engine_setting("block"), help="frames made in one go")
    command.add_argument("--set", action="append", default=[], metavar="NODE.PARAM=VALUE", help="change a value")
    nodes_argument(command)


def nodes_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nodes", action="append", type=Path, default=[], metavar="DIR", help="a folder of nodes")
