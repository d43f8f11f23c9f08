"""JSON, CSV, GeoJSON, HXL, Parquet: records as bytes. The API and the command line both use them."""
