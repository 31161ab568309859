"""Each alert rule fires on its cause and on nothing else: Prometheus' own promtool plays the series."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "offhook.rules.yml"
PAGE = ROOT / "docs" / "operations" / "recipes.md"

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


class Cause(NamedTuple):
    """What Prometheus scrapes every minute (promtool's notation), and when it looks."""

    series: dict[str, str]
    labels: str = ""
    """Of the alert, besides its name and severity."""
    after: str = "20m"


HEALTHY = {
    'up{job="offhook", instance="a"}': "1x60",
    'offhook_calls_ended_total{trunk="t", status="COMPLETED", sip_code="200"}': "0+60x60",
    'offhook_calls_ended_total{trunk="t", status="FAILED", sip_code="503"}': "0+1x60",
    'offhook_trunk_up{trunk="t"}': "1x60",
    'offhook_calls_answered_total{trunk="t", direction="OUTBOUND"}': "0+60x60",
    'offhook_calls_without_audio_total{trunk="t"}': "0+1x60",
    'offhook_tts_prompts_total{engine="e", source="memory"}': "0+60x60",
    'offhook_tts_prompts_total{engine="e", source="failed"}': "0x60",
    'offhook_trunk_channels_used{trunk="t"}': "5x60",
    'offhook_trunk_channels_limit{trunk="t"}': "100x60",
    "offhook_queue_age_seconds": "2x60",
    "offhook_sessions_passed_over": "0x60",
    'offhook_sessions_ended_total{status="COMPLETED", code=""}': "0+60x60",
    'offhook_sessions_ended_total{status="ERROR", code="-2003"}': "0+1x60",
    'offhook_call_mos_bucket{trunk="t", le="3.5"}': "0x60",
    'offhook_call_mos_bucket{trunk="t", le="4.2"}': "0+9x60",
    'offhook_call_mos_bucket{trunk="t", le="4.4"}': "0+60x60",
    'offhook_call_mos_bucket{trunk="t", le="+Inf"}': "0+60x60",
    'offhook_dtmf_captures_total{result="digits"}': "0+60x60",
    'offhook_dtmf_captures_total{result="none"}': "0+9x60",
    "offhook_webhooks_overdue_seconds": "1x60",
    'offhook_webhook_deliveries_total{type="VSS", result="dead"}': "0x60",
    'offhook_webhook_deliveries_total{type="VSS", result="delivered"}': "0+60x60",
    'offhook_vca_answers_total{result="usable"}': "0+60x60",
    'offhook_vca_answers_total{result="unusable"}': "0+1x60",
    'offhook_node_up{node="n", role="voice"}': "1x60",
    'offhook_process_start_time_seconds{process="voice-0", instance="a"}': "7x60",
    'offhook_store_seconds_bucket{operation="save", le="0.01"}': "0+60x60",
    'offhook_store_seconds_bucket{operation="save", le="1"}': "0+60x60",
    'offhook_store_seconds_bucket{operation="save", le="+Inf"}': "0+60x60",
    'offhook_event_loop_lag_seconds_bucket{process="api", le="0.01"}': "0+60x60",
    'offhook_event_loop_lag_seconds_bucket{process="api", le="1"}': "0+60x60",
    'offhook_event_loop_lag_seconds_bucket{process="api", le="+Inf"}': "0+60x60",
}

CAUSES = {
    "OffhookCallsFail": Cause(
        {'offhook_calls_ended_total{trunk="t", status="FAILED", sip_code="503"}': "0+60x60"},
        'trunk="t"',
    ),
    "OffhookTrunkRefusesUs": Cause(
        {'offhook_calls_ended_total{trunk="t", status="FAILED", sip_code="403"}': "0+1x60"},
        'trunk="t", sip_code="403"',
    ),
    "OffhookTrunkDown": Cause({'offhook_trunk_up{trunk="t"}': "0x60"}, 'trunk="t"'),
    "OffhookOneWayAudio": Cause(
        {'offhook_calls_without_audio_total{trunk="t"}': "0+30x60"}, 'trunk="t"', "40m"
    ),
    "OffhookSpeechFails": Cause(
        {'offhook_tts_prompts_total{engine="e", source="failed"}': "0+30x60"}, 'engine="e"', "40m"
    ),
    "OffhookTrunkNearlyFull": Cause(
        {'offhook_trunk_channels_used{trunk="t"}': "95x60"}, 'trunk="t"'
    ),
    "OffhookSessionsWait": Cause({"offhook_queue_age_seconds": "0+30x60"}),
    "OffhookSessionsPassedOver": Cause({"offhook_sessions_passed_over": "3x60"}),
    "OffhookSessionsEndInError": Cause(
        {'offhook_sessions_ended_total{status="ERROR", code="-2003"}': "0+60x60"}
    ),
    "OffhookAudioIsBad": Cause(
        {'offhook_call_mos_bucket{trunk="t", le="3.5"}': "0+12x60"}, 'trunk="t"', "40m"
    ),
    "OffhookNoKeys": Cause({'offhook_dtmf_captures_total{result="none"}': "0+600x60"}, after="40m"),
    "OffhookWebhooksLate": Cause({"offhook_webhooks_overdue_seconds": "0+60x60"}),
    "OffhookWebhooksGivenUp": Cause(
        {'offhook_webhook_deliveries_total{type="VSS", result="dead"}': "0+1x60"}, 'type="VSS"'
    ),
    "OffhookVcaAnswersUnusable": Cause({'offhook_vca_answers_total{result="unusable"}': "0+20x60"}),
    "OffhookDown": Cause(
        {'up{job="offhook", instance="a"}': "0x60"}, 'job="offhook", instance="a"'
    ),
    "OffhookNoVoiceNode": Cause({'offhook_node_up{node="n", role="voice"}': "0x60"}),
    "OffhookProcessRestarts": Cause(
        {'offhook_process_start_time_seconds{process="voice-0", instance="a"}': "0+100x60"},
        'process="voice-0", instance="a"',
    ),
    "OffhookStoreSlow": Cause(
        {'offhook_store_seconds_bucket{operation="save", le="0.01"}': "0x60"}
    ),
    "OffhookEventLoopLate": Cause(
        {'offhook_event_loop_lag_seconds_bucket{process="api", le="0.01"}': "0x60"},
        'process="api"',
    ),
}


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def played(name: str, cause: Cause) -> dict[str, Any]:
    """A test of promtool: the healthy series with the cause in them, and which alerts fire."""
    series = {**HEALTHY, **cause.series}
    severity = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    firing = []
    if name in severity:
        labels = f'alertname="{name}", alertstate="firing", severity="{severity[name]}"'
        labels += f", {cause.labels}" if cause.labels else ""
        firing = [{"labels": f"ALERTS{{{labels}}}", "value": 1}]
    question = {
        "expr": 'ALERTS{alertstate="firing"}',
        "eval_time": cause.after,
        "exp_samples": firing,
    }
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [question],
    }


def test_each_rule_fires_on_its_cause_and_no_other_does(tmp_path: Path) -> None:
    file = tmp_path / "tests.yml"
    tests = [played(name, cause) for name, cause in CAUSES.items()]
    tests.append(played("a healthy server", Cause({}, after="40m")))
    content = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(content))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_cause_here() -> None:
    assert {rule["alert"] for rule in rules()} == CAUSES.keys()


def test_every_rule_says_where_to_read_what_to_do() -> None:
    headings = set(re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE))
    for rule in rules():
        page, _, heading = rule["annotations"]["runbook"].partition(": ")
        assert ROOT / page == PAGE
        assert heading.lower() in {one.lower() for one in headings}, rule["alert"]
