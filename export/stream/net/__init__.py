"""The net as the streaming engine sees it: planes, operations and windows of rows, built op by op."""
