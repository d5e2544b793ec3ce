"""FP16 and INT8 forms of a float graph, and the report of what runs in INT8."""
