"""What must hold when things go wrong: real sockets, processes and servers, ended, stalled and fed with noise.

To look longer than a run of CI does: `HYPERORU_TEST_EXAMPLES` (of the state machine), `HYPERORU_TEST_FRAMES` (fuzzed
ones), `HYPERORU_TEST_SEED` (of the noise; a failed test prints its own).
"""
