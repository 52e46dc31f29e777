"""What the README of a new home says, Chinese first."""

from __future__ import annotations

README_HEAD = """\
# 智享之家 · a home of zhixiang

这个文件夹就是全部状态：设置、收到的文件、数据表、密钥与输出都在里面。
This folder is the whole state: settings, received files, tables, keys and output are in it.

    conf/      设置与电价政策，每个键都有说明  settings and regulated numbers, each key described
    inbox/     收到的文件放在这里  received files arrive here
    out/       运行之后：账单、评分、电费码与总览  after a run: bills, scores, codes, index.html

先让命令知道这个家：`export ZHIXIANG_HOME=这个文件夹`
First tell the commands of this home: `export ZHIXIANG_HOME=THIS_FOLDER`
"""

README_EXAMPLES = """
## 接下来的两条命令 · the next two commands

    zhixiang run --month 2026-09
    zhixiang bill show EX-1001 --month 2026-09

第一条从 inbox 里的示例文件算出账单、评分状态与电费码，并说出页面在哪里；第二条显示一张账单。
The first makes a bill, a score state and fee codes of the example files and says where the pages are;
the second shows one bill.

## 示例文件 · the example files

电量来自真实电表（日期平移，编号、名称与合同为假设）；文件名带 simulated 的是模拟数据。
The energy is real metering (dates shifted; numbers, names and contracts assumed); files named simulated
are simulated.

| 文件 file | 内容 what |
|---|---|
| `example_customers.csv` | 客户与合同 customers and their contracts |
| `example_meter_points.csv` | 计量点、倍率与表计 meter points |
| `example_E_MP_POWER_CURVE.csv` | 96 点负荷曲线 load curves |
| `example_E_MP_DAY_READ.csv` | 日冻结示数 registers at the end of each day |
| `example_weather.csv` | 日气温 daily temperature |
| `example_supply_shares.csv` | 定比定量 a fixed quantity behind a main meter |
| `example_simulated_payments.csv` | 缴费（模拟）payments |
| `example_simulated_events.csv` | 客户事件（模拟）events |
| `example_simulated_transfer_declarations.csv` | 转供电申报（模拟）what tenants declare |
| `prices/example_prices.csv` | 月度电价文件的样子（示例数值）the shape of a price file, with example values |

没有当月公布电价时，账单按示意电价计算并标明。载入真实电价：
Without published prices a bill rests on an illustrative price and says so. Load the published ones:

    zhixiang facts load-prices prices/example_prices.csv

示例数值不是公布电价：该文件 confidence 一列写明 illustrative，账单照样标“示意电价”。
换成公布的数值与文件名，并去掉这一列，再载入：示意的月份即被替换。
The example values are not published prices: the column confidence says illustrative, and bills on them say
示意电价. Put the published prices and their document in, leave that column out, then load the file: months
that are illustrative are replaced.

## 换成自己的文件 · your own files

自己的数据从一个没有示例的家开始：示例一旦算过，就留在表里。
Begin with a home without examples: once run, they stay in the tables.

    zhixiang init OTHER_FOLDER --no-examples
"""

README_EMPTY = """
## 接下来的两条命令 · the next two commands

    zhixiang inbox add FILES
    zhixiang run --month YYYY-MM

第一条逐个说明文件被怎样理解，再完整放进 inbox；第二条算出账单并说出页面在哪里。
The first tells how each file is understood and copies it in whole; the second makes the bills and says
where the pages are.

没有当月公布电价时，账单按示意电价计算并标明。载入公布电价：
Without published prices a bill rests on an illustrative price and says so. Load the published ones:

    zhixiang facts load-prices FILE
"""

README_REST = """
## 更多 · more

    zhixiang inbox add FILES --dry-run   文件会被怎样理解 how files would be understood
    zhixiang inbox list                  收到了什么 what arrived, what became of it
    zhixiang quarantine list             被扣下的记录 records held back
    zhixiang status                      表、模型、密钥 tables, models, keys

完整的一页在这个家里：docs/your-own-data.md，文件格式：docs/formats/。
The whole page is in this home: docs/your-own-data.md; the formats of files: docs/formats/.
"""
