"""Pictures and videos of any size, blurred: by a finder and the veil, by a whole net, or by a detector."""
