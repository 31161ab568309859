"""Phones in browsers: WebRTC on one side, a registered SIP phone on the other."""
