"""The API: devices, consignments, gate and quality loop over HTTP."""
