"""The uses of autoencoders that the slides name, each measured beside classic methods.

A use is a module with these names, and a line in `plan.USES`:

- `NAME`, `CAPTION` of its table, `NOTES` below it, and `METRICS`, its columns;
- `asked(settings)`: what is measured, see `piece.Asked`, and `setting_name(piece)`: a setting in words;
- `measure(piece, parts, autoencoder, settings)`: the piece's `Measured`; the autoencoder is trained, or None if the
  piece names none;
- `further(frame)`: rows that follow from the others, such as differences and means.
"""
