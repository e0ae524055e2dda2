"""Texts as `smartctl -a` and `-x` print them, made for the tests after its layout, with only the lines that matter."""

from __future__ import annotations

BANNER = "smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)\nCopyright (C) 2002-22, Bruce Allen\n\n"

ATA = (
    BANNER
    + """=== START OF INFORMATION SECTION ===
Model Family:     Seagate Exos 7E8
Device Model:     ST8000NM000A-2KE101
Serial Number:    {serial}
LU WWN Device Id: 5 000c50 0a1b2c3d4
Firmware Version: SN05
User Capacity:    8,001,563,222,016 bytes [8.00 TB]
Sector Sizes:     512 bytes logical, 4096 bytes physical
Rotation Rate:    7200 rpm
Device is:        In smartctl database [for details use: -P show]
ATA Version is:   ACS-4 (minor revision not indicated)
Local Time is:    Mon Mar  4 05:06:07 2024 UTC
SMART support is: Available - device has SMART capability.
SMART support is: Enabled

=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: {health}

SMART Attributes Data Structure revision number: 10
Vendor Specific SMART Attributes with Thresholds:
{attributes}

SMART Extended Comprehensive Error Log Version: 1 (5 sectors)
Device Error Count: 7 (device log contains only the most recent 20 errors)

Error 7 [6] occurred at disk power-on lifetime: 40000 hours (1666 days + 16 hours)
  When the command that caused the error occurred, the device was active or idle.
  40 -- 51 00 00 00 00 09 f8 58 00 00 00  Error: UNC at LBA = 0x09f85800 = 167270400

Error 6 [5] occurred at disk power-on lifetime: 11 hours (0 days + 11 hours)
  40 -- 51 00 00 00 00 09 f8 58 00 00 00  Error: UNC at LBA = 0x09f85800 = 167270400

SMART Extended Self-test Log Version: 1 (1 sectors)
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Short offline       Completed without error       00%     40001         -
# 2  Extended offline    Completed: read failure       90%     40000         167270400

SCT Status Version:                  3
Current Temperature:                    36 Celsius
Device Statistics (GP Log 0x04)
0x07  0x008  1              12  N--  Percentage Used Endurance Indicator
"""
)

BRIEF = """ID# ATTRIBUTE_NAME          FLAGS    VALUE WORST THRESH FAIL RAW_VALUE
  1 Raw_Read_Error_Rate     POSR--   082   064   044    -    157283016
  5 Reallocated_Sector_Ct   PO--CK   100   100   010    -    16
  9 Power_On_Hours          -O--CK   055   055   000    -    40003 (12 34 5)
188 Command_Timeout         -O--CK   100   098   000    -    4 4 8
190 Airflow_Temperature_Cel -O---K   064   040   045    Past 36 (Min/Max 30/38)
197 Current_Pending_Sector  -O--C-   100   100   000    -    24
                            ||||||_ K auto-keep"""

OLD = """ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  1 Raw_Read_Error_Rate     0x000f   082   064   044    Pre-fail  Always       -       157283016
  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       16
  9 Power_On_Hours          0x0032   055   055   000    Old_age   Always       -       40003 (12 34 5)
188 Command_Timeout         0x0032   100   098   000    Old_age   Always       -       4 4 8
190 Airflow_Temperature_Cel 0x0022   064   040   045    Old_age   Always   In_the_past 36 (Min/Max 30/38)
197 Current_Pending_Sector  0x0012   100   100   000    Old_age   Always       -       24"""


def ata(serial: str = "ZA1", *, health: str = "PASSED", attributes: str = BRIEF) -> str:
    return ATA.format(serial=serial, health=health, attributes=attributes)


def nvme(
    serial: str = "S1", *, hours: str = "25,392", units: str = "16,626,888 [8.51 TB]", warning: str = "0x00"
) -> str:
    return (
        BANNER
        + f"""=== START OF INFORMATION SECTION ===
Model Number:                       MZQL23T8HCLS-00A07
Serial Number:                      {serial}
Firmware Version:                   GDC5602Q
IEEE OUI Identifier:                0x002538
Number of Namespaces:               1
Namespace 1 IEEE EUI-64:            002538 590141cfa4
Warning  Comp. Temp. Threshold:     80 Celsius
Critical Comp. Temp. Threshold:     83 Celsius

=== START OF SMART DATA SECTION ===
SMART overall-health self-assessment test result: {"PASSED" if warning == "0x00" else "FAILED!"}

SMART/Health Information (NVMe Log 0x02)
Critical Warning:                   {warning}
Temperature:                        47 Celsius
Available Spare:                    99%
Available Spare Threshold:          10%
Percentage Used:                    3%
Data Units Read:                    {units}
Power On Hours:                     {hours}
Media and Data Integrity Errors:    0
Error Information Log Entries:      979
Critical Comp. Temperature Time:    2

Self-test Log (NVMe Log 0x06)
Self-test status: No self-test in progress
Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code
 0   Short             Completed without error                8737            -     -   -   -    -
 1   Extended          Completed: failed segments             8736            -     -   -   -    -
"""
    )


def sas(serial: str = "K1", *, health: str = "OK") -> str:
    return (
        BANNER
        + f"""=== START OF INFORMATION SECTION ===
Vendor:               SEAGATE
Product:              ST600MM0088
Revision:             N004
User Capacity:        600,127,266,816 bytes [600 GB]
Logical block size:   512 bytes
Rotation Rate:        10000 rpm
Logical Unit id:      0x5000c500a1b2c3d7
Serial number:        {serial}
Device type:          disk
Transport protocol:   SAS (SPL-4)
SMART support is:     Available - device has SMART capability.

=== START OF READ SMART DATA SECTION ===
SMART Health Status: {health}
Current Drive Temperature:     34 C
Drive Trip Temperature:        60 C

Accumulated power on time, hours:minutes 16003:18
Elements in grown defect list: 30

Error counter log:
           Errors Corrected by           Total   Correction     Gigabytes    Total
               ECC          rereads/    errors   algorithm      processed    uncorrected
           fast | delayed   rewrites  corrected  invocations   [10^9 bytes]  errors
read:          0        0         0         0          0      10311,154           2
write:         0        0         0         0          0       9378.908           1

Non-medium error count:    10237

SMART Self-test log
Num  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]
     Description                              number   (hours)
# 1  Background long   Failed in segment -->       3     134         123456789 [0x3 0x11 0x0]
"""
    )


ASLEEP = BANNER + "Device is in STANDBY mode, exit(2)\n"
IDLE = BANNER + "Device is in IDLE mode, exit(2)\n"
NOT_OPENED = BANNER + "Smartctl open device: /dev/sdb failed: Permission denied\n"
NO_SMART = (
    BANNER
    + """=== START OF INFORMATION SECTION ===
Vendor:               AVAGO
Product:              MR9361-8i
Serial number:        00574c0df553
Device type:          disk
SMART support is:     Unavailable - device lacks SMART capability.

=== START OF READ SMART DATA SECTION ===
Current Drive Temperature:     0 C
Drive Trip Temperature:        0 C
"""
)
SCAN = """/dev/sda -d scsi # /dev/sda, SCSI device
/dev/bus/0 -d megaraid,8 # /dev/bus/0 [megaraid_disk_08], SCSI device
/dev/nvme0 -d nvme # /dev/nvme0, NVMe device
"""
