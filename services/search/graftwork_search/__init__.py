"""Search: owns jobs in progress and their workflow trees; everything else asks or is asked by it."""
