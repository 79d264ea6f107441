"""Train the convolutional network on the 5,000 digits and look into the record it left."""

import backlight as bl

settings = bl.CNNSettings(data="digits", conv_activation="relu", fc_activation="relu", optimizer="adam", epochs=3)
run = bl.train_cnn(settings)
print("test accuracy", run.scalar("test/final_accuracy")[1][-1])
steps, summaries = run.tensor("act/a3")
for step, summary in zip(steps, summaries, strict=True):
    print(
        f"step {step}: a3 mean {summary.mean:.3f}, max {summary.maximum:.3f}, {summary.zeros / summary.count:.0%} zeros"
    )
