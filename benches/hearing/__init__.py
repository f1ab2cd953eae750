"""How calls sound: telephones, codecs and reference speech for benches/quality.py."""
