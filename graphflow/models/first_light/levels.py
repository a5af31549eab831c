"""How loud each genre's drums, bass, chord, arp and lead are, and its whole, in dB.

Measured, not guessed: python -m graphflow.models.first_light.balance writes this file anew.
"""

LEVELS: dict[str, tuple[float, float, float, float, float, float]] = {
    "ambient": (-6.4, -5.1, -7.0, -8.1, -3.0, 0.7),
    "techno": (-5.0, 0.3, -5.2, -8.7, -4.0, -3.3),
    "house": (-5.7, 0.8, -3.4, 0.0, -1.6, -2.9),
    "dnb": (-3.7, 0.0, -11.4, -12.7, -5.2, -3.2),
    "lofi": (-1.3, -1.8, -5.0, -8.6, -1.9, -1.3),
    "jazz": (1.0, -2.3, -3.4, 0.0, 1.6, -1.0),
    "chiptune": (-6.4, 0.1, -3.7, -3.9, 3.6, -2.3),
    "synthwave": (-6.1, -0.4, -7.0, -8.6, -2.1, -2.9),
    "trap": (-6.3, -3.4, -10.3, -11.1, -0.1, -2.5),
    "orchestral": (0.0, -0.7, -3.8, -6.1, 0.9, -0.6),
    "funk": (-3.0, -0.5, -4.7, -10.8, -1.3, -1.7),
    "piano": (0.0, -1.7, -4.8, -5.4, 0.2, -0.4),
}
