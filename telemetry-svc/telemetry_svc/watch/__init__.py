"""What follows the journal and watches the fleet: rules, presence, alerts."""
