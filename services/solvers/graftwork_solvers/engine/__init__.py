"""Engines that a pod owns: started, warmed, watched, started again, ended."""
