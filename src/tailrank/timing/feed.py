"""Handing a batch's inputs to a device: ids, lengths and dense numbers, copied naively or from pinned memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.timing.device import Device
from tailrank.timing.parameters import Parameters
from tailrank.timing.switches import Switches
from tailrank.timing.work import inputs
from tailrank.zoo import Network

__all__ = ["Feed", "feed"]

F64 = NDArray[np.float64]
PAGEABLE_SHARE = 0.4  # of the link's rate that naive copies reach: they go through a pinned buffer first


@dataclass(frozen=True)
class Feed:
    """Inputs take `fixed_s` a batch and `item_s` an item, of which `link_s` an item occupies the shared link."""

    fixed_s: float
    item_s: float
    link_s: float
    overlap: bool

    def seconds(self, items: F64) -> F64:
        """Return the time to hand over batches of `items`."""
        return self.fixed_s + self.item_s * items

    def link_seconds(self, items: F64) -> F64:
        """Return how long batches of `items` occupy the link."""
        return self.link_s * items

    def with_compute(self, items: F64, compute: F64) -> F64:
        """Return the time of batches that compute for `compute` seconds, inputs included.

        Overlapped, the longer of the two counts, and the fixed time: the device waits for the start of a copy.
        """
        if self.overlap:
            return self.fixed_s + np.maximum(compute, self.item_s * items)
        return self.seconds(items) + compute


def feed(network: Network, device: Device, parameters: Parameters, switches: Switches) -> Feed:
    """Return what the inputs of `network` cost on `device`.

    Naive: every tensor on its own, with the handling of each id, bag and dense number by the host's software.
    Prepared inputs are still copied tensor by tensor, but not handled; pinned, they are one block at the link's rate.
    A CPU has no link: neither costs it anything.
    """
    brought = inputs(network)
    link_s = 0.0
    if device.link_gbps is not None:
        rate = 1e9 * device.link_gbps * (1.0 if switches.pinned else PAGEABLE_SHARE)
        link_s = brought.bytes_per_item(int32_ids=switches.int32_ids) / rate
    latency_s = 1e-6 * (device.link_latency_us or 0.0)
    if switches.pinned:
        return Feed(latency_s, link_s, link_s, switches.overlap)
    if switches.prepared_inputs:
        copy_us = 0.0 if device.kind == "cpu" else parameters.copy_us
        return Feed(brought.tensors * (1e-6 * copy_us + latency_s), link_s, link_s, switches.overlap)
    handling_ns = (
        parameters.feed_id_ns * brought.ids_per_item
        + parameters.feed_bag_ns * brought.bags_per_item
        + parameters.feed_dense_ns * brought.dense_per_item
    )
    fixed_s = brought.tensors * (1e-6 * parameters.copy_us + latency_s)
    return Feed(fixed_s, 1e-9 * handling_ns + link_s, link_s, switches.overlap)
