"""The media engine in pure Python: RTP over UDP sockets."""
