"""Generated gRPC stubs, one package per version of the contract."""
