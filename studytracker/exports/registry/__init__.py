"""The result tables of ClinicalTrials.gov: participant flow and adverse events, totals only, all sites together."""
