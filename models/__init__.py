"""The shelf: trained models that come with edgeblur, one folder a net, each with its card and its measures.

models/NAME/shelf.json      title, kind, and whether its int8 is the shelf's default
models/NAME/int8.tflite     what people get as `NAME`
models/NAME/float.tflite    what they get as `NAME-float`
models/NAME/README.md       the model card; the parts between markers are made from measures.json and pictures.json
models/NAME/measures.json   written by `edgeblur models measure NAME`: nothing in it is typed by hand
models/NAME/pictures.jpg    drawn scenes, good and bad, with pictures.json: by `edgeblur models pictures NAME`
models/NAME/model.keras     to go on training from, with model.json, history.json and quantize.json of its run

A folder with a shelf.json is on the shelf; nothing else lists it. The wheel of edgeblur leaves out model.keras and
float.tflite, which only training and comparing need; the package edgeblur-keras brings them (`make wheels` builds it).
"""
