"""From words, pictures, recordings and raw tokens to the twelve style codes that Magenta RealTime 2 listens to."""
