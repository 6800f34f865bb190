/* SPDX-License-Identifier: Apache-2.0 */
/* The model, its serial protocol, and the hooks around it. */
#ifndef EDGEBLUR_H_
#define EDGEBLUR_H_

#include "camera.h"
#include "engine.h"
#include "platform.h"
#include "protocol.h"

#endif /* EDGEBLUR_H_ */
