"""The record as ODM-XML 1.3.2: as it stands (Snapshot), as it came to be (Transactional), and back into a database."""
