"""The media engine in C: ``core/`` is a library without Python, ``_core.c`` makes a module of it.

The module is built by the installation where there is a C compiler on Linux
(:mod:`offhook.media.native.build`). Everything here but that imports it.
"""
