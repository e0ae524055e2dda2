"""What the kernel and the firmware tables tell of the hardware: EDAC, machine checks, PCIe errors, DMI."""
