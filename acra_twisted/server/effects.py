"""Where AcraServer's settings have an effect."""

from __future__ import annotations

from acra_twisted.config.effects import Rule

RULES = (
    Rule(
        ("poison_run_script_file", "poison_stop_session_enable", "poison_shutdown_enable"),
        lambda settings: "poison" in settings["stages"],
        "nothing looks for poison records; set poison_detect_enable = true, or take it out",
        protects=True,
    ),
)
