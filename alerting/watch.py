"""The watchdog's judgement: which canaries came back, and since when the pipeline is thought dead."""
