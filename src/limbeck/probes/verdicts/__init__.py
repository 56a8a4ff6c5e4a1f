"""What each probe says of what it measured: from numbers to words, by the rule of `statistics.decisions`."""
