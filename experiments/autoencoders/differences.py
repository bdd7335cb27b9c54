"""Measurements that are differences of two others."""

import pandas as pd


def over(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows of the gain in PSNR over each of these methods, which are measured once; `names`: method -> metric."""
    found = [frame.iloc[:0]]
    psnr = frame[frame["metric"] == "psnr"]
    for method, metric in names.items():
        of_method = psnr.loc[psnr["method"] == method, ["dataset", "setting", "value"]]
        both = psnr[psnr["method"] != method].merge(of_method, on=["dataset", "setting"], suffixes=("", "_of_method"))
        gain = both["value"] - both["value_of_method"]
        found.append(both.assign(metric=metric, value=gain)[frame.columns])
    return pd.concat(found, ignore_index=True)
