"""A module of Lightning: fitted, stopped, saved, read again, and asked."""

import logging
import tempfile

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


class Net(pl.LightningModule):
    def __init__(self, hidden=8):
        super().__init__()
        self.save_hyperparameters()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])

    def training_step(self, batch, k):
        x, y = batch
        loss = nn.functional.mse_loss(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, k):
        x, y = batch
        self.log("val_loss", nn.functional.mse_loss(self(x), y))

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=1e-2)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


class Data(pl.LightningDataModule):
    def setup(self, stage=None):
        x = torch.randn(64, 5, 2)
        y = x.sum((1, 2))[:, None]
        self.parts = TensorDataset(x[:48], y[:48]), TensorDataset(x[48:], y[48:])

    def train_dataloader(self):
        return DataLoader(self.parts[0], batch_size=8, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.parts[1], batch_size=8)

    def predict_dataloader(self):
        return DataLoader(torch.ones(32, 5, 2), batch_size=16)


pl.seed_everything(3)
net, data = Net(), Data()
with tempfile.TemporaryDirectory() as folder:
    best = ModelCheckpoint(dirpath=folder, monitor="val_loss")
    trainer = pl.Trainer(
        max_epochs=4, accelerator="cpu", logger=CSVLogger(folder), enable_progress_bar=False,
        enable_model_summary=False, gradient_clip_val=1.0, accumulate_grad_batches=2,
        callbacks=[best, EarlyStopping("val_loss"), LearningRateMonitor()], log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(net, datamodule=data)
    print({name: round(float(value), 4) for name, value in trainer.callback_metrics.items()})
    again = Net.load_from_checkpoint(best.best_model_path, weights_only=False)
    print(round(again(torch.ones(3, 5, 2)).sum().item(), 4), dict(again.hparams))
    trainer.validate(net, datamodule=data, verbose=False)
    print(round(trainer.callback_metrics["val_loss"].item(), 4))
    print([tuple(part.shape) for part in trainer.predict(net, datamodule=data)])
    trainer.save_checkpoint(folder + "/last.ckpt")
    longer = pl.Trainer(
        max_epochs=6, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False,
    )  # fmt: skip
    longer.fit(net, datamodule=data, ckpt_path=folder + "/last.ckpt", weights_only=False)
    print(longer.current_epoch, longer.global_step, round(net(torch.ones(1, 5, 2)).item(), 3))
