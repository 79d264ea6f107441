"""Why a run fails: rules over its record, probes of its model, and cures that are tried."""
