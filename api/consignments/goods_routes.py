"""Routes of products and lots."""

from fastapi import APIRouter, Response

from api.consignments import goods_service
from api.consignments.goods_schemas import (
    Identification,
    LotIn,
    LotList,
    LotView,
    ProductIn,
    ProductView,
)
from api.deps import Read, Write, needs
from api.identity.rights import Right
from api.schemas import AfterText, Identifier, Limit, Page

router = APIRouter(prefix="/v1", tags=["goods"], dependencies=[needs(Right.GOODS)])


@router.post("/products", status_code=201, response_model=ProductView)
def add_product(new: ProductIn, request: Write) -> Response:
    """Register an article."""
    return request.write(goods_service.add_product, new)


@router.get("/products")
def list_products(request: Read, after: AfterText = "", limit: Limit = 100) -> Page[ProductView]:
    """List articles."""
    return request.read(goods_service.list_products, after=after, limit=limit)


@router.put("/products/{product}/identification", response_model=ProductView)
def identify_product(product: Identifier, new: Identification, request: Write) -> Response:
    """Say how an article is named on its labels, and whether its lots must be scanned."""
    return request.write(goods_service.identify_product, product, new)


@router.post("/products/{product}/lots", status_code=201, response_model=LotView)
def add_lot(product: Identifier, new: LotIn, request: Write) -> Response:
    """Register a batch."""
    return request.write(goods_service.add_lot, product, new)


@router.get("/products/{product}/lots")
def list_lots(product: Identifier, request: Read) -> LotList:
    """List the batches of an article."""
    return request.read(goods_service.list_lots, product)
