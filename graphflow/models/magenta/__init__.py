"""Magenta RealTime 2: prompts, notes and drums steer a language model of sound, 40 ms at a time."""
