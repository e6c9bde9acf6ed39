// The native pool: worker threads over one queue. See engine/ for who uses it.
#pragma once
#include "scorer.h"
