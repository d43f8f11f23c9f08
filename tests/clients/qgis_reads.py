"""Reads a layer with QGIS and prints what it found as JSON: `python3 qgis_reads.py ADDRESS FILTERS`, for QGIS's own Python."""

import json
import os
import sys

from qgis.core import QgsApplication, QgsDataSourceUri, QgsVectorLayer

application = QgsApplication([], False)
application.initQgis()


def layer() -> QgsVectorLayer:
    """The layer as QGIS's own dialogue adds it."""
    uri = QgsDataSourceUri()
    uri.setParam("url", sys.argv[1])
    uri.setParam("typename", "incidents")
    made = QgsVectorLayer(uri.uri(False), "incidents", "OAPIF")
    assert made.isValid(), made.error().message()
    return made


def found(opened: QgsVectorLayer) -> dict[str, object]:
    """What the layer says of itself, and what it gives feature by feature."""
    said = opened.featureCount()
    ids = sorted(feature["id"] for feature in opened.getFeatures())
    box = opened.extent()
    sides = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
    return {"said": said, "count": opened.featureCount(), "ids": ids, "extent": sides}


told = {"": found(layer())}
told[""]["types"] = {field.name(): field.typeName() for field in layer().fields()}
for text in json.loads(sys.argv[2]):
    filtered = layer()
    assert filtered.setSubsetString(text), text
    told[text] = found(filtered)
print(json.dumps(told), flush=True)
os._exit(0)  # QGIS may crash while Python takes it apart
