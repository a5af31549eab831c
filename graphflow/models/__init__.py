"""Music models. They need torch and run in worker processes and offline commands, never in the main process."""
