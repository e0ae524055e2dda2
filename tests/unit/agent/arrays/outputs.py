"""Outputs of RAID tools, written after the tools' formats: small machines with something wrong with each."""

from __future__ import annotations

import json
from typing import Any


def _tabbed(text: str) -> str:
    """Lines that begin with ">" begin with a tab."""
    return text.replace("\n>", "\n\t")


def storcli_row(place: str, state: str, group: str = "0", model: str = "ST4000NM0023") -> dict[str, Any]:
    return {
        "EID:Slt": place,
        "DID": 9,
        "State": state,
        "DG": int(group) if group.isdecimal() else group,
        "Size": "3.637 TB",
        "Intf": "SAS",
        "Med": "HDD",
        "SED": "N",
        "PI": "N",
        "SeSz": "512B",
        "Model": model,
        "Sp": "U",
        "Type": "-",
    }


def storcli_detail(place: str, serial: str, *, media: int = 0, predicted: int = 0, alert: str = "No") -> dict[str, Any]:
    enclosure, slot = place.split(":")
    path = f"Drive /c0/e{enclosure}/s{slot}"
    return {
        f"{path} State": {
            "Shield Counter": 0,
            "Media Error Count": media,
            "Other Error Count": 2,
            "Drive Temperature": " 31C (87.80 F)",
            "Predictive Failure Count": predicted,
            "S.M.A.R.T alert flagged by drive": alert,
        },
        f"{path} Device attributes": {
            "SN": f"{serial}            ",
            "Manufacturer Id": "SEAGATE ",
            "Model Number": "ST4000NM0023    ",
            "NAND Vendor": "NA",
            "WWN": "5000C5008EC959C4",
            "Firmware Revision": "0004",
        },
    }


def storcli(data: dict[str, Any], *, controller: int = 0, status: str = "Success", description: str = "None") -> str:
    head = {"CLI Version": "007.1623", "Controller": controller, "Status": status, "Description": description}
    return json.dumps({"Controllers": [{"Command Status": head, "Response Data": data}]}, indent=1)


def storcli_degraded() -> dict[str, Any]:
    """RAID 5 of three, one failed; a hot spare rebuilds; a foreign disk; a predicted one in a second array."""
    return {
        "Basics": {"Controller": 0, "Model": "AVAGO MegaRAID SAS 9361-8i", "Serial Number": "SR12345678"},
        "Version": {"Firmware Package Build": "24.21.0-0012"},
        "Status": {"Controller Status": "Needs Attention", "Memory Correctable Errors": 0, "BBU Status": 64},
        "HwCfg": {"BBU": "Present", "ROC temperature(Degree Celsius)": 71},
        "Policies": {"Policies Table": [{"Policy": "Rebuild Rate", "Current": "30 %", "Default": "30%"}]},
        "TOPOLOGY": [
            {"DG": 0, "Arr": "-", "Row": "-", "EID:Slot": "-", "DID": "-", "Type": "RAID5", "State": "Dgrd"},
            {"DG": 0, "Arr": 0, "Row": 2, "EID:Slot": "-", "DID": "-", "Type": "DRIVE", "State": "Msng"},
        ],
        "VD LIST": [
            {"DG/VD": "0/0", "TYPE": "RAID5", "State": "Dgrd", "Name": "data"},
            {"DG/VD": "1/1", "TYPE": "RAID1", "State": "Optl", "Name": ""},
        ],
        "PD LIST": [
            storcli_row("252:0", "Onln"),
            storcli_row("252:1", "Failed"),
            storcli_row("252:2", "UGood", "F"),
            storcli_row("252:3", "Onln", "1"),
            storcli_row("252:4", "GHS", "-"),
        ],
        "Cachevault_Info": [{"Model": "CVPM02", "State": "Optimal", "Temp": "28C", "Mode": "-"}],
        "Enclosure LIST": [{"EID": 252, "State": "OK", "Slots": 8, "PD": 5, "ProdID": "SGPIO"}],
        "Physical Device Information": {
            "Drive /c0/e252/s0 - Detailed Information": storcli_detail("252:0", "Z1Z00001"),
            "Drive /c0/e252/s1 - Detailed Information": storcli_detail("252:1", "Z1Z00002", media=17),
            "Drive /c0/e252/s3 - Detailed Information": storcli_detail("252:3", "Z1Z00004", predicted=1, alert="Yes"),
        },
    }


STORCLI_TEXT = """\
Generating detailed summary of the adapter, it may take a while to complete.

CLI Version = 007.0916.0000.0000 Apr 05, 2019
Operating system = Linux 4.15.0-112-generic
Controller = 0
Status = Success
Description = None

Basics :
======
Controller = 0
Model = PERC H730 Mini
Serial Number = 5AB012C
PCI Address = 00:03:00:00

Status :
======
Controller Status = Optimal
Memory Correctable Errors = 0
BBU Status = 0

HwCfg :
=====
ROC temperature(Degree Celsius) = 63

TOPOLOGY :
========

---------------------------------------------------------------------------
DG Arr Row EID:Slot DID Type  State BT     Size PDC  PI SED DS3  FSpace TR
---------------------------------------------------------------------------
 0 -   -   -        -   RAID1 Dgrd  N  1.818 TB dflt N  N   dflt N      N
 0 0   0   32:0     0   DRIVE Onln  N  1.818 TB dflt N  N   dflt -      N
 0 0   1   -        -   DRIVE Msng  -  1.818 TB -    -  -   -    -      N
---------------------------------------------------------------------------

DG=Disk Group Index|Arr=Array Index|Row=Row Index|EID=Enclosure Device ID
Msng=Missing|Dgrd=Degraded|Offln=Offline

VD LIST :
=======

---------------------------------------------------------------
DG/VD TYPE  State Access Consist Cache Cac sCC     Size Name
---------------------------------------------------------------
0/0   RAID1 Dgrd  RW     Yes     RWBD  -   OFF 1.818 TB os disk
---------------------------------------------------------------

PD LIST :
=======

-----------------------------------------------------------------------------------
EID:Slt DID State DG     Size Intf Med SED PI SeSz Model                   Sp Type
-----------------------------------------------------------------------------------
32:0      0 Onln   0 1.818 TB SATA HDD N   N  512B WDC WD2003FYYS-02W0B0   U  -
32:1      1 UBad   - 1.818 TB SATA HDD N   N  512B WDC WD2003FYYS-02W0B0   U  -
-----------------------------------------------------------------------------------

BBU_Info :
========

-----------------------------------------------------------------------
Model State     RetentionTime Temp Mode MfgDate    Next Learn
-----------------------------------------------------------------------
BBU   Optimal   48 hours +    34C  4    2016/03/18 2024/04/18  18:32:56
-----------------------------------------------------------------------

Drive /c0/e32/s0 State :
======================
Shield Counter = 0
Media Error Count = 3
Other Error Count = 0
Drive Temperature =  28C (82.40 F)
Predictive Failure Count = 0
S.M.A.R.T alert flagged by drive = No

Drive /c0/e32/s0 Device attributes :
==================================
SN = WD-WMAY00000001
Manufacturer Id = ATA
Model Number = WDC WD2003FYYS-02W0B0
WWN = 50014ee2b1c0ffee
Firmware Revision = 01.01D02
"""


def megacli_disk(
    slot: int, serial: str, state: str, *, kind: str = "SAS", foreign: str = "None", media: int = 0, alert: str = "No"
) -> str:
    if kind == "SAS":
        inquiry = f"{'SEAGATE':8}{'ST600MM0006':16}LS0A{serial:20}"
        firmware = "LS0A"
    else:
        inquiry = f"{serial:>20}{'ST91000640NS':40}{'SN02':8}"
        firmware = "SN02"
    return f"""\
Enclosure Device ID: 32
Slot Number: {slot}
Drive's position: DiskGroup: 0, Span: 0, Arm: {slot}
Device Id: {slot}
WWN: 5000C5008EC959C{slot}
Media Error Count: {media}
Other Error Count: 0
Predictive Failure Count: 0
PD Type: {kind}
Firmware state: {state}
Device Firmware Level: {firmware}
Inquiry Data: {inquiry}
Foreign State: {foreign}
Drive Temperature :31C (87.80 F)
Drive has flagged a S.M.A.R.T alert : {alert}

"""


MEGACLI_VOLUME = """\
Adapter 0 -- Virtual Drive Information:
Virtual Drive: 0 (Target Id: 0)
Name                :system
RAID Level          : Primary-1, Secondary-0, RAID Level Qualifier-0
Size                : 558.375 GB
State               : {state}
Number Of Drives    : 2
Bad Blocks Exist: {bad}
"""

MEGACLI_BATTERY = """\
BBU status for Adapter: 0

BatteryType: CVPM02
Voltage: 9454 mV
Temperature: 29 C
Battery State: {state}
BBU Firmware Status:

  Charging Status              : {charging}
  Learn Cycle Active                      : {learning}
  Battery Pack Missing                    : {missing}
  Battery Replacement required            : {replace}
  Remaining Capacity Low                  : {low}

  Relative State of Charge: {charge} %
"""


def megacli_battery(**said: str) -> str:
    plain = {"state": "Optimal", "charging": "None", "learning": "No", "missing": "No", "replace": "No", "low": "No"}
    return MEGACLI_BATTERY.format(**{**plain, "charge": "71", **said})


SSACLI = """\

Smart Array P440ar in Slot 0 (Embedded)
   Bus Interface: PCI
   Slot: 0
   Serial Number: PDNLH0BRH000AB
   Controller Status: OK
   Firmware Version: 6.60
   Rebuild Priority: High
   Degraded Performance Optimization: Disabled
   Controller Temperature (C): 44
   Cache Module Temperature (C): 38
   Capacitor Temperature  (C): 27
   Cache Status: {cache}
   Battery/Capacitor Count: 1
   Battery/Capacitor Status: {battery}
   Host Serial Number: CZ1234ABCD

   Internal Drive Cage at Port 1I, Box 1, OK

      Power Supply Status: Not Redundant
      Drive Bays: 4
      Port: 1I
      Box: 1

   Array: A
      Interface Type: SAS
      Status: {array}
      Array Type: Data

      Logical Drive: 1
         Size: 558.9 GB
         Fault Tolerance: 1
         Status: {volume}
         Unique Identifier: 600508B1001C48AFDD414EB0F3004830
         Disk Name: /dev/sda
         Drive Type: Data

      physicaldrive 1I:1:1
         Port: 1I
         Box: 1
         Bay: 1
         Status: OK
         Drive Type: Data Drive
         Firmware Revision: HPD4
         Serial Number: KSJ00001
         WWID: 5000CCA01D6B7E95
         Model: HP      EG0600FBDSR
         Current Temperature (C): 31

      physicaldrive 1I:1:2
         Port: 1I
         Box: 1
         Bay: 2
         Status: {drive}
         Drive Type: Data Drive
         Serial Number: KSJ00002
         Model: HP      EG0600FBDSR

   Unassigned

      physicaldrive 1I:1:3
         Port: 1I
         Box: 1
         Bay: 3
         Status: OK
         Drive Type: Unassigned Drive
         Serial Number: WD-WMAY0001
         Model: ATA     WDC WD2003FYYS-0
"""


def ssacli(*, volume: str = "OK", drive: str = "OK", cache: str = "OK", battery: str = "OK") -> str:
    array = "OK" if drive == "OK" else "Failed Physical Drive"
    return SSACLI.format(array=array, volume=volume, drive=drive, cache=cache, battery=battery)


HPACUCLI_CONFIG = """\

Smart Array P420i in Slot 0 (Embedded)    (sn: 001438022006330)

   array A (SAS, Unused Space: 0  MB)

      logicaldrive 1 (279.4 GB, RAID 1, Interim Recovery Mode)
      logicaldrive 2 (1.1 TB, RAID 5, Recovering, 13.5% complete)

      physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SAS, 300 GB, OK)
      physicaldrive 1I:1:2 (port 1I:box 1:bay 2, SAS, 300 GB, Failed)
      physicaldrive 1I:1:3 (port 1I:box 1:bay 3, SAS, 300 GB, Predictive Failure)
      physicaldrive 1I:1:4 (port 1I:box 1:bay 4, SAS, 300 GB, OK, spare)
      physicaldrive 1I:1:5 (port 1I:box 1:bay 5, SAS, 300 GB, Rebuilding)

   unassigned

      physicaldrive 2I:1:6 (port 2I:box 1:bay 6, SAS, 300 GB, OK)
"""

SSACLI_STATUS = """\
Smart Array P420i in Slot 0 (Embedded)
   Controller Status: OK
   Cache Status: Temporarily Disabled
   Battery/Capacitor Status: Failed (Replace Batteries)

   logicaldrive 1 (931.5 GB, RAID 1): Failed
   physicaldrive 1I:1:1 (port 1I:box 1:bay 1, 1 TB): OK
   physicaldrive 1I:1:2 (port 1I:box 1:bay 2, 1 TB): Failed
"""

CCISS = """\
/dev/sg0: (Smart Array P410i) RAID 1 Volume 0 status: OK.
/dev/sg0: (Smart Array P410i) RAID 5 Volume 1 status: Using interim recovery mode.
  Physical drives: 3
         connector 1I box 1 bay 1                 HP      DG0146FARVU      PTVN0001     HPD6 OK
         connector 1I box 1 bay 2                 HP      DG0146FARVU      PTVN0002 HPD6 S.M.A.R.T. predictive
         connector 1I box 1 bay 3   INQUIRY FAILED
   Total of 1 failed physical drives detected on this logical drive.
"""

CCISS_SPARE = """\
/dev/sda: (Smart Array P410i) RAID 6 Volume 0 status: OK.   At least one spare drive designated. \
 At least one activated on-line spare drive is completely rebuilt on this logical drive.
"""

CACHE_OFF = """\
   Cache Status: Permanently Disabled
   Cache Status Details: Cache disabled; backup power source failed to charge to an acceptable level
"""

ARCCONF = """\
Controllers found: 1
----------------------------------------------------------------------
Controller information
----------------------------------------------------------------------
   Controller Status                        : Optimal
   Controller Model                         : Adaptec 6805
   Controller Serial Number                 : 1A12345678
   Physical Slot                            : 4
   Temperature                              : 51 C/ 123 F (Normal)
   Defunct disk drive count                 : 1
   Logical devices/Failed/Degraded          : 1/0/1
   --------------------------------------------------------
   Controller Version Information
   --------------------------------------------------------
   Firmware                                 : 5.2-0 (19147)
   --------------------------------------------------------
   Controller Battery Information
   --------------------------------------------------------
   Status                                   : {battery}
   Over temperature                         : No
   Capacity remaining                       : 99 percent
----------------------------------------------------------------------
Logical device information
----------------------------------------------------------------------
Logical device number 0
   Logical device name                      : raid10
   RAID level                               : 10
   Status of logical device                 : Degraded
   Failed stripes                           : {stripes}
   --------------------------------------------------------
   Logical device segment information
   --------------------------------------------------------
   Group 0, Segment 0                       : Present (Controller:1,Connector:0,Device:0) WD-AAA1
   Group 0, Segment 1                       : Missing
   Group 1, Segment 0                       : Present (Controller:1,Connector:0,Device:2) WD-AAA3
   Group 1, Segment 1                       : Present (Controller:1,Connector:0,Device:3) WD-AAA4
----------------------------------------------------------------------
Physical Device information
----------------------------------------------------------------------
      Device #0
         Device is a Hard drive
         State                              : Online
         Reported Location                  : Connector 0, Device 0
         Vendor                             : ATA
         Model                              : WDC WD2003FYYS-0
         Serial number                      : WD-AAA1
         World-wide name                    : 50014ee2b1c0ffee
         S.M.A.R.T.                         : No
         S.M.A.R.T. warnings                : 4
         Medium Error Count                 : 12
      Device #1
         Device is a Hard drive
         State                              : Failed
         Reported Location                  : Connector 0, Device 1
         Model                              : WDC WD2003FYYS-0
         Serial number                      : WD-AAA2
      Device #2
         Device is an Enclosure Services Device
         Reported Location                  : Enclosure 0, Slot 0
         Enclosure ID                       : 0
         Model                              : SAS2X28
            Fan 1 status                    : 2100 rpm (Normal)
            Fan 2 status                    : 0 rpm (Failed)
            Power supply 1 status           : Not Installed
            Temperature Sensor Status 1     : 24 C/ 75 F (Normal)

Command completed successfully.
"""

IRCU = """\
LSI Corporation SAS2 IR Configuration Utility.
Version 20.00.00.00 (2014.09.18)

Read configuration has been initiated for controller 0
------------------------------------------------------------------------
Controller information
------------------------------------------------------------------------
  Controller type                         : SAS2008
  Firmware version                        : 7.15.08.00
------------------------------------------------------------------------
IR Volume information
------------------------------------------------------------------------
IR volume 1
  Volume ID                               : 286
  Status of volume                        : {volume}
  Volume wwid                             : 0677c0fb06777e7b
  RAID level                              : RAID1
  Size (in MB)                            : 139236
  Physical hard disks                     :
  PHY[0] Enclosure#/Slot#                 : 1:0
  PHY[1] Enclosure#/Slot#                 : 1:1
------------------------------------------------------------------------
Physical device information
------------------------------------------------------------------------
Initiator at ID #0

Device is a Hard disk
  Enclosure #                             : 1
  Slot #                                  : 0
  State                                   : Ready (RDY)
  Manufacturer                            : ATA
  Model Number                            : ST9500620NS
  Serial No                               : 9XF00001
  GUID                                    : 5000c5007bc1cfd7
  Drive Type                              : SATA_HDD

Device is a Hard disk
  Enclosure #                             : 1
  Slot #                                  : 1
  State                                   : {disk}
  Manufacturer                            : SEAGATE
  Model Number                            : ST600MM0006
  Serial No                               : 9XF00002
  Drive Type                              : SAS_HDD

Device is a Enclosure services device
  Enclosure #                             : 1
  Slot #                                  : 9
  State                                   : Standby (SBY)
  Manufacturer                            : DP
  Model Number                            : BACKPLANE
------------------------------------------------------------------------
SAS2IRCU: Command DISPLAY Completed Successfully.
"""

MDSTAT = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0]
md0 : active raid1 sdb1[1](F) sda1[0]
      1048512 blocks super 1.2 [2/1] [U_]

md1 : active raid5 nvme0n1p2[0] nvme1n1p2[1] sdd[3] sde[4](S)
      2095104 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec

md2 : active raid6 sda3[0] sdb3[1] sdc3[2] sdd3[3] sdf3[4](F)
      2095104 blocks super 1.2 level 6, 512k chunk, algorithm 2 [4/4] [UUUU]
      [===>.................]  check = 15.7% (114176/1993728) finish=0.2min speed=114176K/sec

md3 : inactive sdg1[0](S)
      1048512 blocks super 1.2

md127 : inactive sdh[1](S) sdi[0](S)
      5552 blocks super external:imsm

unused devices: <none>
"""

MDADM = """\
/dev/md0:
           Version : 1.2
        Raid Level : raid5
        Array Size : 2095104 (2046.34 MiB 2145.39 MB)
      Raid Devices : 3
     Total Devices : 3
             State : clean, degraded, recovering
    Active Devices : 2
   Working Devices : 3
    Failed Devices : 0

    Rebuild Status : 42% complete

              Name : host7:0  (local to host host7)
              UUID : 8cfbdd4f:2f1b5a0e:1c9c1a5e:aabbccdd

    Number   Major   Minor   RaidDevice State
       0       8        1        0      active sync   /dev/sda1
       3       8       33        1      spare rebuilding   /dev/sdc1
       2       8       49        2      active sync   /dev/sdd1
/dev/md/data:
        Raid Level : raid1
      Raid Devices : 2
             State : clean, degraded
    Active Devices : 1
              UUID : 11111111:22222222:33333333:44444444

    Number   Major   Minor   RaidDevice State
       0       8       65        0      active sync   /dev/sde1
       -       0        0        1      removed

       1       8       81        -      faulty   /dev/sdf1
"""

ZPOOL_STATUS = _tabbed("""\
  pool: tank
 state: DEGRADED
status: One or more devices could not be used because the label is missing or
>invalid.  Sufficient replicas exist for the pool to continue
>functioning in a degraded state.
action: Replace the device using 'zpool replace'.
  scan: scrub repaired 0B in 00:00:05 with 0 errors on Sun Nov  1 00:24:06 2026
config:

>NAME                                            STATE     READ WRITE CKSUM
>tank                                            DEGRADED     0     0     0
>  mirror-0                                      ONLINE       0     0     0
>    ata-WDC_WD40EFRX-68WT0N0_WD-WCC4E0000001    ONLINE       0     0     2
>    wwn-0x5000c5008ec959c4-part1                ONLINE       0     0     0
>  mirror-1                                      DEGRADED     0     0     0
>    sdc                                         ONLINE       0     0     0
>    14807975228228307538                        FAULTED      3     1  1.2K  was /dev/sdd1
>logs
>  nvme0n1p1                                     ONLINE       0     0     0
>cache
>  sdx                                           UNAVAIL      0     0     0
>spares
>  sdy                                           AVAIL

errors: No known data errors

  pool: backup
 state: ONLINE
  scan: resilver in progress since Sun Nov  1 00:24:06 2026
>1.15T scanned at 412M/s, 800G issued at 300M/s, 2.10T total
>133G resilvered, 37.20% done, 01:17:12 to go
config:

>NAME        STATE     READ WRITE CKSUM
>backup      ONLINE       0     0     0
>  sdz       ONLINE       0     0     0  (resilvering)

errors: No known data errors
""")

ZPOOL_LIST = """\
NAME        SIZE  ALLOC   FREE  CKPOINT  EXPANDSZ   FRAG    CAP  DEDUP    HEALTH  ALTROOT
tank       3.62T  1.10T  2.52T        -         -    12%    30%  1.00x    ONLINE  -
  mirror   3.62T  1.10T  2.52T        -         -    12%  30.3%      -    ONLINE
    sda        -      -      -        -         -      -      -      -    ONLINE
    sdb        -      -      -        -         -      -      -      -   FAULTED
special        -      -      -        -         -      -      -      -         -
  nvme0n1   100G    10G    90G        -         -     1%    10%      -    ONLINE
spare          -      -      -        -         -      -      -      -         -
  sdy          -      -      -        -         -      -      -      -     AVAIL
"""

SG_SES = """\
  DELL      MD1200            1.06
    enclosure services device
Enclosure Status diagnostic page:
  INVOP=0, INFO=0, NON-CRIT=1, CRIT=0, UNRECOV=0
  generation code: 0x0
  status descriptor list
    Element type: Array device slot, subenclosure id: 0 [ti=0]
      Overall descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Unsupported
      Element 0 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: OK
        OK=1, Reserved device=0, Hot spare=0, Cons check=0
        Ready to insert=0, RMV=0, Ident=0, Report=0
        App client bypassed A=0, Fault sensed=0, Fault reqstd=0
      Element 1 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Critical
        Ready to insert=0, RMV=0, Ident=0, Report=0
        App client bypassed A=0, Fault sensed=1, Fault reqstd=0
      Element 2 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Not installed
    Element type: Power supply, subenclosure id: 0 [ti=1]
      Overall descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Unsupported
      Element 0 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: OK
      Element 1 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Critical
        Ident=0, Do not remove=0, DC overvoltage=0, DC undervoltage=0
    Element type: Cooling, subenclosure id: 0 [ti=2]
      Element 0 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: Noncritical
        Ident=0, Do not remove=0, Hot swap=0, Fail=0, Requested on=1
    Element type: Temperature sensor, subenclosure id: 0 [ti=3]
      Element 0 descriptor:
        Predicted failure=0, Disabled=0, Swap=0, status: OK
        Temperature=31 C
"""

SG_SES_JOINED = """\
Slot 01 [0,0]  Element type: Array device slot
  Enclosure Status:
    Predicted failure=1, Disabled=0, Swap=0, status: OK
    OK=0, Reserved device=0, Hot spare=0, Cons check=0
    App client bypassed A=0, Fault sensed=0, Fault reqstd=0
  Additional Element Status:
    Transport protocol: SAS
Slot 02 [0,1]  Element type: Array device slot
  Enclosure Status:
    Predicted failure=0, Disabled=0, Swap=0, status: Not installed
PowerSupply01 [1,0]  Element type: Power supply
  Enclosure Status:
    Predicted failure=0, Disabled=0, Swap=0, status: Critical
    Ident=0, Do not remove=0, DC overvoltage=0, DC undervoltage=0
"""
