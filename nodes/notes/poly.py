"""poly: chords dealt out to voices."""

from graphflow import ControlNode, Held, Inlet, Notes, Outlet

VOICES = 8


class Poly(ControlNode):
    """Deals the keys of a chord out to up to eight voices, one each; wire each to a `mono`.

    A key goes to the voice that has been free the longest; when none is, to the one that was struck first.
    """

    notes = Inlet(Notes, "The keys that are held.")
    voices = Held(4.0, "How many voices there are.", min=1.0, max=8.0, step=1.0)
    n1 = Outlet(Notes, "The first voice's key.")
    n2 = Outlet(Notes, "The second voice's key.")
    n3 = Outlet(Notes, "The third voice's key.")
    n4 = Outlet(Notes, "The fourth voice's key.")
    n5 = Outlet(Notes, "The fifth voice's key.")
    n6 = Outlet(Notes, "The sixth voice's key.")
    n7 = Outlet(Notes, "The seventh voice's key.")
    n8 = Outlet(Notes, "The eighth voice's key.")

    async def run(self) -> None:
        outs = [self.n1, self.n2, self.n3, self.n4, self.n5, self.n6, self.n7, self.n8]
        plays = [Notes() for _ in outs]
        order = list(range(VOICES))  # whose turn it is: the first has been left alone the longest
        heard = Notes()
        for out in outs:
            out.send(Notes())
        async for arrivals in self.arrivals():
            for arrived in [a for a in arrivals if a.what in ("notes", "voices")]:
                notes = self.notes if arrived.what == "voices" else arrived.value
                changed = self.deal(plays, order, heard, notes or Notes())
                heard = notes or Notes()
                for voice in changed:
                    outs[voice].send(plays[voice], frame=arrived.frame)
            if not arrivals and self.notes:
                for voice in self.deal(plays, order, heard, self.notes):
                    outs[voice].send(plays[voice])
                heard = self.notes

    def deal(self, plays: list[Notes], order: list[int], before: Notes, now: Notes) -> list[int]:
        """Bring the voices from one message to the next; which of them changed, in the order in which they did."""
        held, counts, old = dict(now.held), dict(now.strikes), dict(before.strikes)
        changed: dict[int, None] = {}
        count = round(self.voices)

        def let_go(voice: int) -> None:
            plays[voice] = plays[voice].released(*(pitch for pitch, _ in plays[voice].held))
            changed[voice] = None

        for voice, notes in enumerate(plays):
            if any(pitch not in held or voice >= count for pitch, _ in notes.held):
                let_go(voice)
                order.remove(voice)
                order.append(voice)
        for pitch, velocity in now.held:
            having = next((v for v in range(count) if any(p == pitch for p, _ in plays[v].held)), None)
            again = counts.get(pitch, 0) > old.get(pitch, 0)
            if having is not None and not again:
                continue
            if having is None and not again and any(p == pitch for p, _ in before.held):
                continue  # its voice was taken for another key
            free = [v for v in order if v < count and not plays[v].held]
            voice = having if having is not None else free[0] if free else next(v for v in order if v < count)
            if having is None and plays[voice].held:
                let_go(voice)
            plays[voice] = plays[voice].struck(pitch, velocity)
            changed[voice] = None
            order.remove(voice)
            order.append(voice)
        return list(changed)
