"""What one would use without facedge, one way a file, all on the same weights and pictures.

``contract.Peer`` says what a peer is, ``registry.PEERS`` lists them (docs/benchmarks.md).
"""
