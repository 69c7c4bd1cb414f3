"""What makes the loop cheap: greenlets that wait for work (`spares`), and small messages that leave together (`outbox`)."""
