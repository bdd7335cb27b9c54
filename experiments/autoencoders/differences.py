"""Measurements that are differences of two others. Pandas is imported only where it is used, since plans need none."""


def over(frame, names: dict[str, str]):
    """Rows of the gain in PSNR over each of these methods, which are measured once; `names`: method -> metric.

    `frame` is the data frame of `results.collect`, the rows returned are another.
    """
    import pandas as pd

    found = [frame.iloc[:0]]
    psnr = frame[frame["metric"] == "psnr"]
    for method, metric in names.items():
        of_method = psnr.loc[psnr["method"] == method, ["dataset", "setting", "value"]]
        both = psnr[psnr["method"] != method].merge(of_method, on=["dataset", "setting"], suffixes=("", "_of_method"))
        gain = both["value"] - both["value_of_method"]
        found.append(both.assign(metric=metric, value=gain)[frame.columns])
    return pd.concat(found, ignore_index=True)
