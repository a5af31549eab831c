"""SpectroStream: sound to codes and back, 25 times a second."""
