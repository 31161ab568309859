"""The media engine in pure Python: what it takes to move RTP over sockets."""
