"""How many of what are where.

Every operator's change goes through the counts of some warehouse. Were they changed in place, the transactions of a
whole fleet would queue for one row, and lock two of them in either order. So each change only leaves a line of its own
(StockChange; a trigger of the database writes it, whoever changed the device), and once a second they are folded into
the counts (StockLevel). What is read is both together: exact at any time.
"""

from sqlalchemy import BigInteger, Boolean, Identity, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from inventory_svc.models.base import Base
from inventory_svc.models.device import Status

# Statuses that are stock; each is a column of StockLevel.
COUNTED = (Status.IN_STOCK, Status.RESERVED, Status.DEPLOYED, Status.MAINTENANCE)

# Levels that crossed their minimum since it was last told, and those of which nothing is left. Each has an index: few
# or none are so at a time, however many there are.
CROSSED = "told_low <> (in_stock < minimum)"
EMPTY = "in_stock = 0 AND reserved = 0 AND deployed = 0 AND maintenance = 0 AND minimum = 0"


class StockLevel(Base):
    """The counts of a type at a location, up to the last fold, and the minimum that shall be in stock."""

    __tablename__ = "t_stock"

    type: Mapped[str] = mapped_column(String(50, collation="C"), primary_key=True)
    # The location in lower case: by this they are compared.
    place: Mapped[str] = mapped_column(String(200, collation="C"), primary_key=True)
    # As somebody spelled it.
    location: Mapped[str] = mapped_column(String(100))
    in_stock: Mapped[int] = mapped_column(Integer, server_default="0")
    reserved: Mapped[int] = mapped_column(Integer, server_default="0")
    deployed: Mapped[int] = mapped_column(Integer, server_default="0")
    maintenance: Mapped[int] = mapped_column(Integer, server_default="0")
    minimum: Mapped[int] = mapped_column(Integer, server_default="0")
    # Whether it was told that fewer are in stock than the minimum.
    told_low: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))

    __table_args__ = (
        Index("ix_stock_place", "place", "type"),
        Index("ix_stock_crossed", "type", postgresql_where=text(CROSSED)),
        Index("ix_stock_empty", "type", postgresql_where=text(EMPTY)),
    )


class StockChange(Base):
    """So many devices more, or fewer, than the counts say."""

    __tablename__ = "t_stock_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    type: Mapped[str] = mapped_column(String(50))
    location: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(20))
    devices: Mapped[int] = mapped_column(Integer)
