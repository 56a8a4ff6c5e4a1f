"""The rows of the tables of each probe: the probe writes them, and the report reads them by the same class."""
