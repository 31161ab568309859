"""Examples at the end of each command's help page."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "serve": (
        "offhook serve",
        "offhook serve --config offhook.toml --workers 4",
        "offhook serve --role api",
    ),
    "demo": ("offhook demo", "offhook demo --json"),
    "lint": ("offhook lint callflow.json", "offhook lint --decision answer.json --json"),
    "simulate": (
        "offhook simulate callflow.json --press 1,42#",
        "offhook simulate --inbound +6568332048 --vca http://127.0.0.1:5000/vca",
    ),
    "schema": ("offhook schema",),
    "voices": (
        "offhook voices --language en-GB",
        "offhook voices install kokoro",
        "offhook voices sample en-US-JennyNeural -o jenny.wav",
    ),
    "voices install": (
        "offhook voices install kokoro",
        "offhook voices install kokoro --from /media/usb",
    ),
    "voices add": ("offhook voices add en_US-joe-medium.onnx",),
    "voices sample": ("offhook voices sample en-US-JennyNeural -o jenny.wav",),
    "say": ('offhook say "Hello from Offhook." --voice en-GB-SoniaNeural -o hello.wav',),
    "call": (
        'offhook call --to +12025550101 --say "Hello from Offhook." --wait',
        'offhook call --to +12025550101 --say Bonjour --language fr-FR --from "+6512341234"',
    ),
    "sessions": (
        "offhook sessions --since 1h --status ERROR",
        "offhook sessions --limit 100 --json",
        "offhook sessions --all --sip-code 503 --since 1h",
    ),
    "show": (
        "offhook show",
        "offhook show 8e5f30c1 --json",
        "offhook show 8e5f30c1 --sip",
        "offhook show 8e5f30c1 --pcap call.pcap",
    ),
    "status": ("offhook status", "offhook status --json"),
    "capture": (
        "offhook capture 8e5f30c1 --seconds 30",
        "offhook capture --number +12025550101 --no-rtp",
    ),
    "trunks": ("offhook trunks", "offhook trunks --json"),
    "phones": ("offhook phones", "offhook phones --json"),
    "logs": ("offhook logs", "offhook logs 8e5f30c1", "offhook logs 8e5f30c1 --json"),
    "top": ("offhook top", "offhook top --every 5", "offhook top --once"),
    "doctor": ("offhook doctor", "offhook doctor --config /etc/offhook/offhook.toml --json"),
    "config": ("offhook config check offhook.toml",),
    "config check": (
        "offhook config check",
        "offhook config check offhook.toml",
        "offhook config check --config offhook.toml --json",
    ),
    "recordings": ("offhook recordings list", "offhook recordings get 8e5f30c1 -o call.mp3"),
    "recordings list": ("offhook recordings list", "offhook recordings list 8e5f30c1 --json"),
    "recordings get": ("offhook recordings get", "offhook recordings get 8e5f30c1 -o call.mp3"),
    "recordings erase": ("offhook recordings erase 8e5f30c1",),
    "keys": ("offhook keys create --name laptop", "offhook keys list"),
    "keys create": (
        "offhook keys create --name laptop --days 90",
        "offhook keys create --account acme --subaccount acme_corp --scope sessions:read",
    ),
    "keys list": ("offhook keys list --json",),
    "keys revoke": ("offhook keys revoke 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns": (
        "offhook campaigns create callflow.json --list numbers.csv --pace 5 --watch",
        "offhook campaigns list",
    ),
    "campaigns create": (
        "offhook campaigns create callflow.json --list numbers.csv --pace 5 --watch",
        "offhook campaigns create callflow.json --list numbers.csv --no-start",
    ),
    "campaigns list": ("offhook campaigns list --json",),
    "campaigns show": ("offhook campaigns show 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns watch": ("offhook campaigns watch 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns start": ("offhook campaigns start 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns pause": ("offhook campaigns pause 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns resume": ("offhook campaigns resume 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns cancel": ("offhook campaigns cancel 0193c2a4-7d1e-7000-8000-000000000000",),
    "campaigns results": (
        "offhook campaigns results 0193c2a4-7d1e-7000-8000-000000000000 -o results.csv",
    ),
    "menus": ("offhook menus put house menu.json --number +6568332048", "offhook menus list"),
    "menus list": ("offhook menus list --json",),
    "menus show": ("offhook menus show house > menu.json",),
    "menus put": ("offhook menus put house menu.json --number +6568332048",),
    "menus delete": ("offhook menus delete house",),
    "media": ("offhook media put jingle.mp3", "offhook media list"),
    "media list": ("offhook media list --json",),
    "media put": ("offhook media put jingle.mp3", "offhook media put new.mp3 jingle.mp3"),
    "media get": ("offhook media get jingle.mp3 -o copy.mp3",),
    "media delete": ("offhook media delete jingle.mp3",),
    "numbers": (
        "offhook numbers list",
        "offhook numbers assign +6568332048 --subaccount acme_corp --reference-id PSTN1",
    ),
    "numbers list": ("offhook numbers list --json",),
    "numbers check": ("offhook numbers check +6568332048",),
    "numbers assign": (
        "offhook numbers assign +6568332048 --subaccount acme_corp --reference-id PSTN1",
        "offhook numbers assign +6568332048 --rental-price 1.50 --test-call-every 3600",
    ),
    "numbers withdraw": ("offhook numbers withdraw +6568332048 --subaccount acme_corp",),
    "opt-outs": ("offhook opt-outs list", "offhook opt-outs remove +12025550101"),
    "opt-outs list": ("offhook opt-outs list --limit 200 --json",),
    "opt-outs add": ("offhook opt-outs add +12025550101",),
    "opt-outs remove": ("offhook opt-outs remove +12025550101",),
    "usage": (
        "offhook usage --month 2026-11",
        "offhook usage --by country --subaccount acme_corp --json",
    ),
    "backup": ("offhook backup /var/backups/offhook-monday.db --config offhook.toml",),
    "db restored": ("offhook db restored --config offhook.toml",),
    "nodes": ("offhook nodes list", "offhook nodes drain voice1/udp:192.0.2.10:5060/0"),
    "nodes list": ("offhook nodes list --json",),
    "nodes drain": ("offhook nodes drain voice1/udp:192.0.2.10:5060/0",),
    "nodes resume": ("offhook nodes resume voice1/udp:192.0.2.10:5060/0",),
    "erase": ("offhook erase --number +12025550101 --subaccount acme_corp",),
    "webhooks": ("offhook webhooks list", "offhook webhooks redeliver VSS --dead"),
    "webhooks list": ("offhook webhooks list --json",),
    "webhooks deliveries": (
        "offhook webhooks deliveries VSS --state dead",
        "offhook webhooks deliveries VCS --limit 200 --json",
    ),
    "webhooks redeliver": (
        "offhook webhooks redeliver VSS 0193c2a4-7d1e-7000-8000-000000000000",
        "offhook webhooks redeliver VSS --dead",
    ),
    "webhooks rotate": ("offhook webhooks rotate VSS --overlap 3600",),
    "docs": ("offhook docs", "offhook docs --build site", "offhook docs --llms-full > offhook.txt"),
    "db": ("offhook db upgrade --config offhook.toml",),
    "db upgrade": ("offhook db upgrade --config offhook.toml",),
    "db downgrade": ("offhook db downgrade 0013 --yes --config offhook.toml",),
    "completion": (
        "offhook completion bash > ~/.local/share/bash-completion/completions/offhook",
        "offhook completion zsh > ~/.zfunc/_offhook",
    ),
}
"""By command; each is a line that works as it stands."""


def epilogue(command: str) -> str:
    """The examples of a command, as its help page shows them."""
    lines = "\n".join(f"  {example}" for example in EXAMPLES[command])
    return f"Examples:\n{lines}\n"
