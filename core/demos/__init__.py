"""The two demonstrations behind `edgeblur demo`: one trains on drawn scenes, one shows a model of the shelf."""
