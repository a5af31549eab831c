"""How loud each genre's drums, bass, chord, arp and lead are, and its whole, in dB.

Measured, not guessed: python -m graphflow.models.first_light.balance writes this file anew.
"""

LEVELS: dict[str, tuple[float, float, float, float, float, float]] = {
    "ambient": (-7.1, -6.5, -6.0, -6.6, -2.0, -0.3),
    "techno": (-4.8, -1.6, -4.8, -7.6, -3.0, -2.5),
    "house": (-5.3, -0.6, -2.8, -7.4, -0.4, -1.6),
    "dnb": (-4.5, -1.4, -10.0, -11.2, -4.2, -3.0),
    "lofi": (-1.3, -3.8, -4.4, -8.6, -0.9, -1.9),
    "jazz": (0.4, -4.1, -2.8, -6.6, 1.6, -2.7),
    "chiptune": (-7.2, -1.7, -3.0, -3.7, 3.9, -2.7),
    "synthwave": (-6.4, -2.7, -5.9, -7.1, -1.1, -2.9),
    "trap": (-6.5, -5.3, -9.1, -10.5, 0.9, -1.3),
    "orchestral": (-3.5, -2.5, -2.6, -4.6, 1.2, -3.8),
    "funk": (-3.9, -2.5, -4.0, -9.3, -0.3, -1.6),
    "piano": (0.0, -3.9, -3.8, -3.9, 0.6, -2.4),
}
